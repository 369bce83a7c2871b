"""Chaos: a cluster under mixed load, while a monkey kills, freezes and cuts what it is made of."""
