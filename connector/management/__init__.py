"""Our own API under `/api`: what the command line, the web page and the demo use. One file of routes per resource."""
