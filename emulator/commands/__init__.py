"""The commands of `halfgig`, one a module, imported when they are used."""
