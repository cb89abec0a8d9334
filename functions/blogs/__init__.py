"""Blog posts: written by their author, read by everybody once they are published."""
