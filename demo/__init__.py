"""Short clips that everything can be tried on."""
