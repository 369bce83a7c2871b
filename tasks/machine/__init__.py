"""What the machine, or the control group of this process, gives."""
