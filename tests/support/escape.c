/* The classic way out of a chroot: a new root below the current directory, then up past the old one. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int count, char **words)
{
	mkdir("jail", 0755);
	if (chroot("jail") != 0)
		return 2;
	for (int i = 0; i < 64; i++)
		if (chdir("..") != 0)
			return 3;
	if (chroot(".") != 0)
		return 4;
	puts(count == 2 && access(words[1], F_OK) == 0 ? "escaped" : "caught");
	return 0;
}
