"""The shared kernel: everything a feature needs that knows nothing of commerce."""
