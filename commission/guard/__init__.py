"""What looks wrong about orders and clicks, and what the program does about it."""
