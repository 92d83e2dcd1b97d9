/* Heap allocations of the process since its start. */
long allocation_count(void);
