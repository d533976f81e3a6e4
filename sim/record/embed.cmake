# Writes the file INPUT as the C string record_views_sql into OUTPUT, a line a literal.
file(READ ${INPUT} text)
string(REPLACE "\\" "\\\\" text "${text}")
string(REPLACE "\"" "\\\"" text "${text}")
string(REPLACE "\n" "\\n\"\n    \"" text "${text}")
file(WRITE ${OUTPUT} "extern const char record_views_sql[];\nconst char record_views_sql[] =\n    \"${text}\";\n")
