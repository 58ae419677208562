/* nothing.c - does nothing, quickly: costs measures fork and exec with it.
 */
int main(void) {
    return 0;
}
