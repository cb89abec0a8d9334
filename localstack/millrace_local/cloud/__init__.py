"""The running local cloud: started, stopped, watched and asked."""
