"""How models write tool calls and reasoning: reading what they wrote, and constraining what they may write."""
