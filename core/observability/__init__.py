"""What the engineer on call sees: logs, metrics, health."""
