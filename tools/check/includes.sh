#!/bin/sh
# A file includes its own room and lower floors, never higher; mpi.h and CUDA are seen by one place each; the program sees
# only hooke.h. Prints each fault.
floor() {
    case $1 in
        base) echo 0 ;; file) echo 1 ;; tensor) echo 2 ;; text) echo 3 ;; model) echo 4 ;; dict) echo 5 ;;
        probe) echo 6 ;; train) echo 7 ;; eval | axbench | store | bench) echo 8 ;; cli | serve) echo 9 ;; *) echo 99 ;;
    esac
}
faults=0
for f in $(git ls-files 'src/*.c' 'src/*.h'); do
    room=$(echo "$f" | cut -d/ -f2)
    mine=$(floor "$room")
    for inc in $(sed -n 's/^# *include *"\([^"]*\)".*/\1/p' "$f"); do
        case $inc in
            hooke.h) continue ;;
            */*) other=${inc%%/*} ;;
            *) echo "$f: include \"$inc\" with its room, as in \"$room/$inc\""; faults=1; continue ;;
        esac
        if [ "$room" = cli ] && [ "$other" != cli ]; then
            echo "$f: the program uses only hooke.h, not \"$inc\""; faults=1
        elif [ "$other" != "$room" ] && [ "$(floor "$other")" -ge "$mine" ]; then
            echo "$f: \"$inc\" is not below its own floor"; faults=1
        fi
    done
    if grep -q '<mpi.h>' "$f" && [ "$f" != src/base/ranks_mpi.c ]; then echo "$f: mpi.h belongs to src/base/ranks_mpi.c"; faults=1; fi
    if grep -q '<cuda' "$f" && ! echo "$f" | grep -q '^src/tensor/cuda/'; then echo "$f: CUDA belongs to src/tensor/cuda/"; faults=1; fi
    if grep -q '<immintrin.h>' "$f" && ! echo "$f" | grep -qE '_(avx2|avx512|avx512bf16|avx512vnni)\.(c|h)$|_avx_body\.h$'; then echo "$f: intrinsics belong to files built for their level"; faults=1; fi
done
exit $faults
