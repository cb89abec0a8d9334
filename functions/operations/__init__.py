"""Running the platform: health, migrations."""
