-- No trigger has called it since 0051: what is not sealed is noted once a statement.
-- squawk-ignore ban-drop-function
DROP FUNCTION note_unsealed_decision();
