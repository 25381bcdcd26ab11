"""How the functions run in the cloud."""
