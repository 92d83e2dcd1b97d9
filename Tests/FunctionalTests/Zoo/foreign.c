/* Looks like a module of Kamailio: other symbols, and one that only that server has. */
struct { const char *name; } exports = { "foreign" };
char *module_version = "6.1.0";
