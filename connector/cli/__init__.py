"""The command line. A file for each noun; `main` puts them together. What is heavy is imported when needed."""
