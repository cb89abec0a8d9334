"""The commands of `./millrace events`, one module each."""
