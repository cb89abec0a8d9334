"""The servers of the local cloud, one module each, and what starts and supervises them."""
