"""The third edge: functions that an operator or a schedule invokes, without a route and without a topic."""
