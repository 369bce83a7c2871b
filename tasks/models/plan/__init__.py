"""What a model takes of a machine, and with which settings it fits. Pure; the sizes come from whoever loads it."""
