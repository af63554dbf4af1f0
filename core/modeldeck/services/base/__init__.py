"""What all services share: the open workspace, its configuration, manifests and documents."""
