"""The viewers: from histories to viewer and title vectors. Knows no pictures, no policies, no database."""
