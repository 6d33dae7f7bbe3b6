"""What is concluded: convergence, gradient health, tables, figures and the page."""
