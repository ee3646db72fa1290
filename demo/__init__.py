"""The main job before your eyes: real orders become explained, matured and paid commissions."""
