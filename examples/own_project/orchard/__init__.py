"""Fruit in photos of an orchard."""
