"""The set-up room: real servers from wheels, and the supervisor of every process. Nothing here knows a feature."""
