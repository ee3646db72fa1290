"""What happened, as one log for each program: whoever stands above reads it at his own pace, each event once."""
