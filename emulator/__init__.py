"""How the functions run here: the command line, and the cage that enforces a plan."""
