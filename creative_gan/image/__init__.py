"""Pictures: data, networks, metrics and export."""
