"""The application on the local cloud: built, provisioned, deployed and migrated."""
