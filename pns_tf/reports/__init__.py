"""What is made of rows: statistics, tables, pictures, HParams."""
