"""From words to chats: what groups shall be told, one lane each, within every platform's limits."""
