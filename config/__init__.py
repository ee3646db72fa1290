"""Settings, read once from the environment; nothing else in the project looks at environment variables."""
