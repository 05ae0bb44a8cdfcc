"""Reading and writing of films and stills. The only folder that imports av."""
