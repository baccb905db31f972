"""What a program of the user's calls: checked inputs, one line an error; `import mgi` offers all of it by name."""
