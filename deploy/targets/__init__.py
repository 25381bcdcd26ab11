"""The clouds: what each needs to be told to run the service, a module each."""
