# A stub in miniature: no code to speak of, and the descriptor in its section.
    .section __TEXT,__text
    .globl _main
    .p2align 2
_main:
    xorl %eax, %eax
    retq

    .section __TEXT,__oxidesc
    .globl _oxidize_descriptor
    .p2align 4
    .no_dead_strip _oxidize_descriptor
_oxidize_descriptor:
    .ascii "OXIDESC1"
    .long 1, 2, 3, 4
    .quad 0
    .quad 0
    .long 0
    .long 1
    .zero 16

    .data
    .p2align 3
    .quad _main
    .quad _exit
