"""What `handfast init` lays down: settings file, key file, users, folders, systemd units. Texts are built by pure functions."""
