"""Activities: share, check in, invite, buy together, engage; rewards once."""
