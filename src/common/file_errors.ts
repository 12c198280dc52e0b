/** What the file system says, as a sentence for whoever runs a command. */

const REASONS: Record<string, string> = {
  EACCES: 'there is no permission for this; change the permissions or choose another place',
  EPERM: 'there is no permission for this; change the permissions or choose another place',
  EROFS: 'the file system is read-only; choose another place',
  ENOSPC: 'the disk is full; free some space and start again',
  EDQUOT: 'the disk quota is used up; free some space and start again',
  EEXIST: 'there is a file where a folder is wanted; remove it or choose another place',
  ENOTDIR: 'a part of this path is a file where a folder is wanted; choose another place',
  EISDIR: 'this is a folder where a file is wanted; choose another name',
  ENOENT: 'it is not there, or its folder is not; check the path',
  ELOOP: 'this link leads to itself; remove it',
  ENAMETOOLONG: 'the name is too long; choose a shorter one',
  EMFILE: 'too many files are open; raise the limit (`ulimit -n`) and start again',
  EIO: 'the disk cannot be read or written; check it, or copy the file elsewhere',
  ENOTEMPTY: 'the folder is not empty; remove what is in it or choose another',
  EXDEV: 'the two places are on different disks; choose a place on the same disk',
};

/** The sentence for an error of the file system that names a path; undefined for any other error, which is a fault of the program. */
export function fileSentence(e: unknown): string | undefined {
  if (!(e instanceof Error)) return undefined;
  const { code, path, dest } = e as NodeJS.ErrnoException & { dest?: string };
  const reason = code && REASONS[code];
  return reason && typeof path === 'string' ? `${dest ?? path}: ${reason}.` : undefined;
}
