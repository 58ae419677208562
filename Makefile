# Parley's one Makefile. `make` alone lists what it can make; `make V=1` shows the
# commands it runs. Read it from the top:
#
#   1  what the kernel is made of       4  programs, and the file system they go into
#   2  tools and flags                  5  the UEFI loader and the disk image
#   3  the kernel                       6  the words you type after `make`

help:                                   # the first target is the default one

# === 1  What the kernel is made of ================================================
#
# Reading order, one remark each; `make toc` prints this list with line counts. A new
# kernel file is a new line here. A file x_test.c beside x.c is found by itself; its
# cases are in build/kernel-test.elf only.

# --- lib/base: pure C, also compiled for tests on the host
src += lib/base/string.c                # memory and strings
src += lib/base/format.c                # printf's formatting

# --- boot: three ways in, one entry
src += boot/start.asm                   # the first instructions
src += boot/multiboot.c                 # what the loader said

# --- kernel/arch: the processor; its face is kernel/arch.h
src += kernel/arch/x86/entry.asm        # every way into the kernel and back
src += kernel/arch/x86/usercopy.c       # the only way to touch user memory
src += kernel/arch/x86/processor.c      # what it has; segments, gates, task state
src += kernel/arch/x86/kernel_map.c     # the kernel's own page tables
src += kernel/arch/x86/smp.c            # other CPUs: start, ask, wait for the lock
src += kernel/arch/x86/ap_start.asm     # where the other CPUs begin
src += kernel/arch/x86/interrupts.c     # APICs or the old PIC; TSC and timers
src += kernel/arch/x86/machine.c        # ACPI, the date, power off
src += kernel/arch/x86/offsets.c        # C's offsets for assembly (never linked)

# --- kernel/core: what every part leans on
src += kernel/core/log.c                # the log: a ring and its sinks
src += kernel/core/check.c              # does every structure agree with itself?
src += kernel/core/panic.c              # the end, explained
src += kernel/core/backtrace.c          # addresses to names and lines
src += kernel/core/trace.c              # the last events, in order

# --- kernel/mm: memory
src += kernel/mm/frame_alloc.c          # page frames: a buddy allocator
src += kernel/mm/account.c              # who pays
src += kernel/mm/heap.c                 # small objects, by type
src += kernel/mm/memory_object.c        # pages that many can map
src += kernel/mm/fault.c                # pages come when they are touched
src += kernel/mm/address_space.c        # what may be where, and the page tables
src += kernel/mm/stack.c                # kernel stacks, a guard below each

# --- kernel/sched: threads, processes, waiting, time
src += kernel/sched/wait.c              # the one way to wait
src += kernel/sched/scheduler.c         # who runs next, and the switch
src += kernel/sched/process.c           # threads, processes, groups, ids
src += kernel/sched/signal_post.c       # who gets a signal, who is woken for it
src += kernel/sched/time.c              # deadlines and clocks
src += kernel/sched/fpu.c               # floating point state

# --- kernel/dev: devices
src += kernel/dev/serial.c              # COM1, and QEMU's port 0xE9
src += kernel/dev/text_screen.c         # a terminal's screen: cells and escape codes
src += kernel/dev/screen.c              # VGA text or framebuffer
src += kernel/dev/keyboard.c            # keys to bytes
src += kernel/dev/random.c              # bytes nobody can guess

# --- kernel/fs: files
src += kernel/fs/file.c                 # open files, descriptors, moving bytes
src += kernel/fs/passed_files.c         # descriptors inside messages, and circles of them
src += kernel/fs/inode.c                # what names lead to; permissions, statx, chmod ...
src += kernel/fs/path.c                 # walking a path; chdir, getcwd
src += kernel/fs/names.c                # opening, making, linking, removing names
src += kernel/fs/tmpfs.c                # the file system in memory: names and contents
src += kernel/fs/initramfs.c            # unpacking the first file system
src += kernel/fs/devfs.c                # /dev; null, zero, full, random
src += kernel/fs/tty.c                  # terminals, job control
src += kernel/fs/tty_line.c             # the line discipline
src += kernel/fs/procfs.c               # /proc: directories, links, texts
src += kernel/fs/proc_text.c            # what they tell; kcheck and the ledger

# --- kernel/ipc: the book
src += kernel/ipc/message_queue.c       # the one queue of messages
src += kernel/ipc/message.c             # from one memory to another
src += kernel/ipc/move_pages.c          # the same without a copy
src += kernel/ipc/link.c                # direct naming: links
src += kernel/ipc/fast_path.c           # call and reply, when all is as usual
src += kernel/ipc/call.c                # messages over links, call and reply
src += kernel/ipc/mailbox.c             # indirect naming: mailboxes and /mbox
src += kernel/ipc/mailbox_calls.c       # what a descriptor of one can do
src += kernel/ipc/pipe.c                # pipes and FIFOs
src += kernel/ipc/signal_actions.c      # actions, masks, sending, waiting
src += kernel/ipc/signal_frame.c        # entering a handler by rewriting the stack

# --- kernel/posix: the faces that books on Unix use
src += kernel/posix/futex.c             # waiting on a word of memory
src += kernel/posix/poll.c              # waiting for many; eventfd
src += kernel/posix/socket.c            # sockets: their life, their queues
src += kernel/posix/socket_calls.c      # names, connecting, messages, options
src += kernel/posix/clock.c             # clocks, sleeping, timers that post signals
src += kernel/posix/file_lock.c         # record locks, flock
src += kernel/posix/sysv.c              # System V objects; shared memory
src += kernel/posix/sysv_sem.c          # sets of semaphores
src += kernel/posix/queues.c            # message queues of POSIX and of System V

# --- kernel/proc: a process's life
src += kernel/proc/fork.c               # fork, vfork, clone
src += kernel/proc/exec.c               # replacing the program
src += kernel/proc/exit.c               # the end of threads and processes, wait
src += kernel/proc/memory.c             # mmap and its kin
src += kernel/proc/credentials.c        # users and groups
src += kernel/proc/limits.c             # limits, usage, scheduling, the machine

# --- kernel: the top
src += kernel/trap.c                    # every entry ends up here
src += kernel/syscall.c                 # the table of system calls
src += kernel/kernel_test.c             # tests inside the kernel
src += kernel/main.c                    # from the loader to init

# === 2  Tools and flags ===========================================================

.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules
ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell getconf _NPROCESSORS_ONLN)
endif

# Which compiler: the first of cross, gcc and clang that can build 32-bit programs, or
# the one you name with COMPILER=. tools/toolchain finds out and sets CC, LD, ...
toolchain := build/toolchain$(COMPILER:%=-%).mk
without_compiler := help toc doctor setup new clean
ifneq ($(filter-out $(without_compiler),$(or $(MAKECMDGOALS),help)),)
include $(toolchain)
endif

$(toolchain): tools/toolchain | build/setup.stamp
	@tools/toolchain $(COMPILER) > $@.new && mv $@.new $@

# What is missing on this machine is installed, after asking.
build/setup.stamp: tools/setup tools/needs
	@tools/setup qemu

build/setup-test.stamp: tools/setup tools/needs
	@tools/setup test

is_gcc := $(filter gcc,$(TOOLCHAIN_KIND))

common_flags := -std=gnu11 -march=i686 -O2 -g "-ffile-prefix-map=$(CURDIR)=." \
    -fcf-protection=none -fno-stack-protector -fno-pic -fno-pie \
    -Wall -Wextra -Wmissing-prototypes -Wstrict-prototypes -Wvla

# regparm: the first three arguments travel in registers. The compiler's own run-time
# library does not know that, so the kernel is linked without it: a 64-bit division in
# the kernel is an undefined symbol, and lib/base/types.h has the answer.
# No frame pointers: a backtrace looks up how deep the stack is; see tools/make-symbols.
# few_instructions: no padding within functions or in frames, rare work behind a jump
# rather than done ahead or thrown away by a conditional move, copies by words.
few_instructions := -mtune=generic $(if $(is_gcc),-mpreferred-stack-boundary=2 \
    -mstringop-strategy=rep_4byte -fno-align-jumps -fno-align-loops -fno-align-labels \
    -fno-if-conversion -fno-if-conversion2 -fno-tree-pre,-mstack-alignment=4)
kernel_flags := $(common_flags) $(few_instructions) -ffreestanding -mregparm=3 \
    -mgeneral-regs-only -fno-strict-aliasing -fomit-frame-pointer \
    -fno-asynchronous-unwind-tables \
    $(if $(is_gcc),-fno-tree-loop-distribute-patterns) \
    -Wundef -Wframe-larger-than=1024 -Ikernel -Ilib -Iboot -I.
nasm_flags := -f elf32 -g -F dwarf -w+all -Ikernel/arch/x86/ -Iboot/ -Ibuild/
link_flags := -nostdlib -static -z noexecstack --build-id=none

# Programs: musl's headers and library instead of this machine's.
musl := build/sysroot/usr/lib/i386-linux-musl
user_flags := $(common_flags) -fno-asynchronous-unwind-tables -nostdinc \
    -isystem build/sysroot/usr/include/i386-linux-musl -isystem $(CC_INCLUDE) \
    -Ilib/parley
user_link := -static -nostdlib -z noexecstack -Wl,--build-id=none \
    $(if $(is_gcc),-no-pie,-fuse-ld=lld)

# Pure code is also tested on this machine, with the compiler looking over its shoulder.
host_cc := gcc -m32
host_flags := -std=gnu11 -O1 -g -Wall -Wextra -fno-omit-frame-pointer \
    -fsanitize=address,undefined -fno-sanitize-recover=all -Ikernel -Ilib -Iboot -I. \
    $(patsubst %,-idirafter %,$(wildcard /usr/include/x86_64-linux-gnu))

# `make WERROR=1` turns warnings into errors. Objects that were built with warnings are
# removed here, so that they are built again.
export WERROR
ifneq ($(WERROR),)
warned := $(shell find build/notes -name '*.warnings' -size +0 2> /dev/null)
$(shell rm -f $(warned) $(warned:build/notes/%.warnings=build/%))
endif

# Everything compiled depends on these two: the recipes, and the commands' flags.
recipes := Makefile build/flags
all_flags = $(CC) $(kernel_flags) $(nasm_flags) $(user_flags) $(host_flags) $(efi_flags)
build/flags: FORCE
	@mkdir -p build
	@echo '$(all_flags)' | cmp -s - $@ || echo '$(all_flags)' > $@

# How a step looks on the screen: one short line, or with V=1 its command.
quiet := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' $1 $2)
# $(call compile,WORD,COMMAND): a compiler's or the assembler's command. What it notes on
# the side (files included, warnings) goes to build/notes; see tools/compile.
note = build/notes/$(@:build/%=%)
define compile
$(call say,$1,$<)
@mkdir -p $(@D) $(dir $(note))
$(quiet)tools/compile $(note) $< $2 -MP \
    $(if $(filter NASM,$1),-MD $(note).d,-MMD -MF $(note).d)
endef

# === 3  The kernel ================================================================

objects = $(patsubst %,build/%.o,$(basename $1))
kernel_objects := $(call objects,$(filter-out %/offsets.c,$(src))) build/font.o
test_sources := $(filter-out %_host_test.c,$(wildcard kernel/*_test.c \
    kernel/*/*_test.c kernel/*/*/*_test.c))
test_objects := $(call objects,$(test_sources))

build/%.o: %.c $(recipes)
	$(call compile,CC,$(CC) $(kernel_flags) -c $< -o $@)

build/%.o: %.asm build/offsets.inc $(recipes)
	$(call compile,NASM,nasm $(nasm_flags) $< -o $@)

# Structure offsets for assembly code: the compiler computes them, nobody types them.
# They are lines that no assembler understands, so clang must not look at them.
verbatim := $(if $(is_gcc),,-fno-integrated-as)
build/offsets.s: kernel/arch/x86/offsets.c $(recipes)
	$(call compile,CC,$(CC) $(kernel_flags) $(verbatim) -S $< -o $@)

build/offsets.inc: build/offsets.s
	$(quiet)sed -n 's/^->\([A-Z0-9_]*\) *[$$#]*\(-*[0-9]*\).*/%define \1 \2/p' $< > $@

# The screen's characters, taken from the VGA BIOS that QEMU brings.
build/font.c: tools/make-font
	@tools/make-font > $@

# No code, so no lines: a table of lines that has none makes readelf complain.
build/font.o: build/font.c $(recipes)
	$(quiet)$(CC) $(kernel_flags) -g0 -c $< -o $@

# Linked twice: the panic screen names functions, and their addresses are only known
# after a first link, with an empty table.
build/kernel.pass1.elf build/kernel.elf: $(kernel_objects)
build/kernel-test.pass1.elf build/kernel-test.elf: $(kernel_objects) $(test_objects)

# The functions that kernel/inject_test.c lets fail on order.
injected := sys_prctl schedule sched_step_expired heap_alloc heap_alloc_raw frame_alloc \
    frame_alloc_zeroed stack_alloc copy_from_user copy_to_user wait_sleep_any
build/kernel-test.pass1.elf build/kernel-test.elf: link_flags += $(injected:%=--wrap=%)

link = $(quiet)$(LD) $(link_flags) -T linker.ld -o $@ $(filter %.o,$^)

build/%.pass1.elf: build/no-symbols.o linker.ld
	$(link)

build/%.elf: build/%.symbols.o linker.ld
	$(call say,LINK,$@)
	$(link)

build/no-symbols.c: tools/make-symbols
	@tools/make-symbols --empty > $@

build/%.symbols.c: build/%.pass1.elf tools/make-symbols
	@tools/make-symbols $< > $@

build/%symbols.o: build/%symbols.c $(recipes)
	$(quiet)$(CC) $(kernel_flags) -c $< -o $@

# === 4  Programs, and the file system they go into ================================
#
# Every user/<folder>/NAME.c is a program build/user/<folder>/NAME; there is no list to
# edit. tools go to /bin in the guest, the others to the folder of the same name.

program_sources := $(wildcard $(patsubst %,user/%/*.c,tools demos tests bench))
programs := $(program_sources:%.c=build/%)
stripped := $(programs:build/user/%=build/stripped/%)
parley_objects := $(patsubst lib/parley/%.c,build/user/parley/%.o,\
    $(filter-out %_test.c,$(wildcard lib/parley/*.c)))

$(musl)/libc.a: tools/fetch-sysroot | build/setup.stamp
	@tools/fetch-sysroot && touch $@

build/user/parley/%.o: lib/parley/%.c $(musl)/libc.a $(recipes)
	$(call compile,CC,$(CC) $(user_flags) -c $< -o $@)

build/user/libparley.a: $(parley_objects)
	$(call say,AR,$@)
	@mkdir -p $(@D) && rm -f $@
	$(quiet)ar rcsD $@ $^

build/user/%: user/%.c build/user/libparley.a $(musl)/libc.a $(recipes)
	$(call compile,CC,$(CC) $(user_flags) $(user_link) $(musl)/crt1.o $(musl)/crti.o \
	    $< build/user/libparley.a -L$(musl) -lc $(CC_RUNTIME) $(musl)/crtn.o -o $@)

# The examples of the manual, as one program that tests them.
build/user/tests/native_manual: build/manual.inc
build/user/tests/native_manual: user_flags += -I.

build/manual.inc: tools/man-examples $(wildcard user/man/*)
	$(quiet)tools/man-examples > $@.new && mv $@.new $@

build/stripped/%: build/user/%
	@mkdir -p $(@D)
	@$(STRIP) -o $@ $<

root_files := $(wildcard user/etc/* user/etc/*/* user/man/* user/demos/golden/* \
    user/demos/golden/native/* user/bench/*.txt)

# What is in the archive; when a source is removed, nothing else would be newer than it.
build/contents: FORCE
	@mkdir -p build
	@echo '$(stripped) $(root_files)' | cmp -s - $@ || \
	    echo '$(stripped) $(root_files)' > $@

build/initramfs.cpio: $(stripped) $(root_files) tools/make-initramfs $(musl)/libc.a \
    build/contents
	$(call say,CPIO,$@)
	$(quiet)tools/make-initramfs -o $@

build/initramfs-min.cpio: build/initramfs.cpio
	$(call say,CPIO,$@)
	$(quiet)tools/make-initramfs --minimal -o $@

# Tests of pure code are programs for this machine: each is one file that prints TAP and
# includes the .c file that it tests; what that one needs of lib/base is in an archive.

host_sources := $(wildcard lib/*/*_test.c kernel/*_host_test.c kernel/*/*_host_test.c \
    kernel/*/*/*_host_test.c boot/*/*_host_test.c)
host_tests := $(host_sources:%.c=build/host/%)
base_objects := $(patsubst %.c,build/host/%.o,\
    $(filter-out %_test.c,$(wildcard lib/base/*.c)))

build/host/%.o: %.c $(recipes)
	$(call compile,CC,$(host_cc) $(host_flags) -c $< -o $@)

build/host/base.a: $(base_objects)
	@rm -f $@
	@ar rcs $@ $^

build/host/%: %.c build/host/base.a $(recipes) | build/setup-test.stamp
	$(call compile,CC,$(host_cc) $(host_flags) $< build/host/base.a -o $@)

# === 5  The UEFI loader and the disk image ========================================

# The same sources twice, for 32-bit and for 64-bit firmware. gnu-efi brings start-up
# code and a linker script; the result is a shared object, turned into a PE program.

efi_sources := $(filter-out %_test.c,$(wildcard boot/efi/*.c))
efi_assembly := $(wildcard boot/efi/*.asm)
efi_objects = $(efi_sources:boot/efi/%.c=build/efi/$1/%.o) \
    $(efi_assembly:boot/efi/%.asm=build/efi/$1/%.asm.o)

# Distributions disagree about where gnu-efi lives.
efi_file = $(firstword $(wildcard $(addsuffix /$1,/usr/lib32 /usr/lib /usr/lib64 \
    /usr/lib/gnuefi /usr/lib64/gnuefi /usr/lib/gnuefi/$2 /usr/lib64/gnuefi/$2)))

efi_flags := -std=gnu11 -O2 -ffreestanding -fpic -fshort-wchar -fvisibility=hidden \
    -fno-stack-protector -fno-strict-aliasing -fno-asynchronous-unwind-tables \
    -fcf-protection=none "-ffile-prefix-map=$(CURDIR)=." -mno-red-zone \
    -mgeneral-regs-only -Wall -Wextra -I. \
    -isystem /usr/include/efi -isystem /usr/include/efi/protocol
efi_ld := $(if $(is_gcc),$(firstword $(LD)),ld)
efi_sections := $(addprefix -j ,.text .sdata .data .rodata .dynamic .dynsym .rel .rela \
    '.rel.*' '.rela.*' .reloc)
efi_link_flags := -nostdlib -znocombreloc -z noexecstack -shared -Bsymbolic \
    --no-undefined

efi_cc64 := $(if $(is_gcc),gcc -m64 -maccumulate-outgoing-args,\
    clang --target=x86_64-linux-gnu) -DGNU_EFI_USE_MS_ABI

build/efi/ia32/%.o: boot/efi/%.c $(recipes) | build/setup-test.stamp
	$(call compile,CC32,$(CC) -march=i686 $(efi_flags) -isystem /usr/include/efi/ia32 \
	    -c $< -o $@)

build/efi/x86_64/%.o: boot/efi/%.c $(recipes) | build/setup-test.stamp
	$(call compile,CC64,$(efi_cc64) $(efi_flags) -isystem /usr/include/efi/x86_64 \
	    -c $< -o $@)

build/efi/ia32/%.asm.o: boot/efi/%.asm $(recipes)
	$(call compile,NASM,nasm -f elf32 -w+all -Iboot/ $< -o $@)

build/efi/x86_64/%.asm.o: boot/efi/%.asm $(recipes)
	$(call compile,NASM,nasm -f elf64 -DX64 -w+all -Iboot/ $< -o $@)

build/efi/ia32.so: $(call efi_objects,ia32)
	$(call efi_link,elf_i386,ia32,$(CC_RUNTIME))

build/efi/x86_64.so: $(call efi_objects,x86_64)
	$(call efi_link,elf_x86_64,x86_64)

define efi_link
$(quiet)$(efi_ld) -m $1 $(efi_link_flags) -T $(call efi_file,elf_$2_efi.lds,$2) \
    $(call efi_file,crt0-efi-$2.o,$2) $^ -L$(dir $(call efi_file,crt0-efi-$2.o,$2)) \
    -lefi -lgnuefi $3 -o $@
endef

build/BOOTIA32.EFI: build/efi/ia32.so
	$(call say,EFI,$@)
	$(quiet)$(OBJCOPY) $(efi_sections) --target=efi-app-ia32 --subsystem=10 $< $@
	@tools/check-efi $< $@

build/BOOTX64.EFI: build/efi/x86_64.so
	$(call say,EFI,$@)
	$(quiet)$(OBJCOPY) $(efi_sections) --target=efi-app-x86_64 --subsystem=10 $< $@
	@tools/check-efi $< $@

build/parley.img: build/kernel.elf build/initramfs.cpio tools/make-image \
    build/BOOTX64.EFI build/BOOTIA32.EFI
	$(call say,IMAGE,$@)
	$(quiet)tools/make-image --output $@ --kernel $< --cmdline '$(APPEND)'

# === 6  The words you type after `make` ===========================================

# Settings for qemu, run, gdb and bench.
CPUS ?= 1
MEM ?= 128
BOOT ?= direct
vm_options = --cpus $(CPUS) --mem $(MEM) --boot $(BOOT) $(SEED:%=--seed %) \
    $(if $(APPEND),--append '$(APPEND)') $(if $(DISPLAY_WINDOW),--window)

kernels := build/kernel.elf build/kernel-test.elf
archives := build/initramfs.cpio build/initramfs-min.cpio
loaders := build/BOOTX64.EFI build/BOOTIA32.EFI
bootable = build/kernel.elf $(archives) compile_commands.json \
    $(if $(filter direct,$(BOOT)),,$(loaders))

.PHONY: help qemu run new gdb test bench features check model image toc doctor setup clean all
.PHONY: FORCE

help:
	@sed -n 's/^#:[ ]\{0,1\}//p' Makefile

#: make qemu          boot Parley on this terminal; quit with poweroff, or Ctrl-A then X
#: make run PROG="hello 3"   boot, run one program, print its output, power off
#: make new PROG=name        start a program of your own: user/demos/name.c
#:
#:   settings: CPUS=1..8  MEM=MiB  SEED=n (the same run every time)  DISPLAY_WINDOW=1
#:             BOOT=direct|uefi|uefi32  APPEND="words for the kernel"
#:
qemu: $(bootable)
	@tools/vm --interactive --reboots $(vm_options) $(if $(GDB),--gdb build/gdb.socket)

run: $(bootable)
	@$(if $(PROG),,echo 'say what to run: make run PROG="hello 3"' >&2; exit 2;) \
	tools/vm --may-leave $(vm_options) $(PROG)

new:
	@tools/new-program $(PROG)

#: make gdb           debug the kernel: alone, or the machine of `make qemu GDB=1`
#: make test          run all tests, 15 minutes at most; LONG=1: all combinations
#: make bench         run the benchmarks; figures are instruction counts
#: make features      what of interprocess communication is shown and tested where
#: make model         check the models of the queue and of the lock (tools/model)
#: make check         style, layers, sizes, warnings and other promises about the source
gdb: $(bootable)
	@tools/gdb $(vm_options)

test: all build/setup-test.stamp $(if $(filter check,$(MAKECMDGOALS)),check)
	@tools/test $(if $(LONG),--long)

bench: $(bootable)
	@tools/bench $(vm_options)

model: build/setup-test.stamp
	@tools/model/run

features:
	@tools/features $(ISSUE:%=--issue %)

check: all build/setup-test.stamp
	@tools/check
	@tools/features --quiet

#: make image         build/parley.img, a disk image for any PC with UEFI
#: make toc           the kernel's files in reading order
#: make doctor        which tools are here, and how to get those that are not
#: make clean         remove what was built (not what was downloaded)
image: build/parley.img
	@echo "$<: write it to a whole disk, or try it with: tools/vm --boot disk"

toc:
	@tools/toc

doctor:
	@tools/doctor

setup:
	@tools/setup test

clean:
	rm -rf $(filter-out build/sysroot build/debs build/setup%,$(wildcard build/*)) \
	    compile_commands.json

# Everything that tests and checks look at.
all: $(kernels) $(archives) $(loaders) build/parley.img $(host_tests) $(programs) \
    compile_commands.json

# What editors want to know; each compile left its entry beside its output.
compiled := $(kernel_objects) $(test_objects) $(programs) $(parley_objects)
compile_commands.json: build/kernel.elf $(programs)
	@{ echo '['; cat $(wildcard $(compiled:build/%=build/notes/%.json)) /dev/null | \
	    sed '$$!s/$$/,/'; echo ']'; } > $@

# Which headers each compiled file includes, as its compiler noted.
-include $(shell find build/notes -name '*.d' 2> /dev/null)
