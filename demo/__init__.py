"""A short clip that everything can be tried on."""
