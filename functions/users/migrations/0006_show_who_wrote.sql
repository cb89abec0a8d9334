-- Which transaction wrote a row, for `./millrace events path`. A role that may not read every column needs it said.
GRANT SELECT (xmin) ON users TO :ro;
