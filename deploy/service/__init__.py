"""The service: what starts a function, serves it, and says what it took."""
