# A stub in miniature: no code to speak of, and the descriptor in its section.
    .text
    .globl main
main:
    xorl %eax, %eax
    retq

    .section .oxidesc,"dr"
    .globl oxidize_descriptor
    .p2align 4
oxidize_descriptor:
    .ascii "OXIDESC1"
    .long 1, 2, 3, 4
    .quad 0
    .quad 0
    .long 0
    .long 1
    .zero 16

    .data
    .p2align 3
    .quad main
