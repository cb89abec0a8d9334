"""The local cloud: real servers, LocalStack with our plugin, and the command that runs them."""
