"""What is told to whom: topics, templates, subscriptions, the members' inbox."""
