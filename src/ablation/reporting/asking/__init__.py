"""What every question needs: what a question is, the levels that it asks for, and what to say where they lack."""
