"""Clicks: answered without the database, kept in segment files, shipped into partitions; who clicked joins orders."""
